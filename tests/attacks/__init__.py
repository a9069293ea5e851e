"""What an attacker tries; each must come to nothing."""
