"""A structured report as FHIR resources: what was sent to the archive, for systems that read FHIR R4.

Shape after HL7 "DICOM SR to FHIR Resource Mapping" 1.0.0. Everything comes from the report itself, so that no number
here differs from the one in the archive. Nothing here says normal: there is no interpretation at all.
"""
