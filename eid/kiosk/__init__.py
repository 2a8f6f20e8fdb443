"""The card agent on the person's machine."""
