// LegalServices
