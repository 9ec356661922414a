// SecurityServices
