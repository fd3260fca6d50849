"""One module a command, mounted by `cli.py`: options, questions, what is printed and how it ends."""
