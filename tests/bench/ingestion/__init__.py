"""How fast and how politely data comes in, against the limits of the machine and of the vendors."""
