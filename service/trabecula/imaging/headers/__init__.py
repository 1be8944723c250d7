"""From DICOM headers to frames and facts, without pixels: the border to pydicom for what a scanner wrote.

Conversions never raise: a value that cannot be read is absent. Words are weighed here (contrast agent), never
believed alone. What a study is measured by does not belong here, only what its headers state.
"""
