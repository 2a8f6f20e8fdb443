"""The files of the chip (ICAO 9303-10)."""
