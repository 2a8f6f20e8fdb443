"""Electronic identity from the chip in a card to the login of a service."""
