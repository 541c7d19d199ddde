"""`voicectl`, and `python -m voicectl`: signals are looked after before anything else is imported."""

from voicectl import signals


def entry() -> None:
    """The console script."""
    signals.leave_at_once()
    from voicectl.cli.main import entry as run

    run()


if __name__ == "__main__":
    entry()
