"""`python -m voicectl`."""

from voicectl.cli.main import entry

if __name__ == "__main__":
    entry()
