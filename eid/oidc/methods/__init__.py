"""Ways to log in beside password and card: codes from an app or to a channel, and passkeys."""
