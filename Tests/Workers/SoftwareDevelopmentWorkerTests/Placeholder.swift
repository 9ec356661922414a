// SoftwareDevelopment
