"""`chaosiq-console`, also `python -m chaoscloud.console`; it says so when its extra is missing."""

import sys


def main() -> None:
    """Run the command, or explain how to install what it needs."""
    try:
        from chaoscloud.console.cli import main as console
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.startswith("chaoscloud"):
            raise  # a fault of ours, not an extra that was left out
        sys.exit(
            f"chaosiq-console needs {missing.name}, which is not installed: "
            "run pip install 'chaosiq-cloud[console]'"
        )
    console(prog_name="chaosiq-console")


if __name__ == "__main__":
    main()
