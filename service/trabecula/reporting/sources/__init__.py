"""Headers of the source images as results inherit them: decoded, repaired where a rule allows it, else left out.

Scanners write values that are not valid DICOM; none of them is copied into an object of ours. Pixels are not read.
"""
