"""``trabecula demo``: the whole mission on one phantom study, through real associations, in a folder of its own.

It runs a whole installation and a receiver that plays the PACS, and leaves nothing behind but the folder. Nothing
here is used by the service.
"""
