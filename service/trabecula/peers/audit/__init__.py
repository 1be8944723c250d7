"""The audit log on its way to servers that keep it: DICOM audit messages over syslog TLS, and FHIR AuditEvent.

What is sent is what is kept: persons and studies are pseudonyms. Nothing here reads the ledger.
"""
