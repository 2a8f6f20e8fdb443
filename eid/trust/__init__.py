"""Who may sign a card."""
