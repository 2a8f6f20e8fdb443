"""What a person can prove with."""
