"""The Logical Data Structure: the files of an eMRTD chip (ICAO Doc 9303-10)."""
