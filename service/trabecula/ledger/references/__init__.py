"""Reference measurements (DXA, QCT) of a site: read from CSV line by line, checked, written in one transaction."""
