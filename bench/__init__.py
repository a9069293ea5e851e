"""What the project costs, measured: `python -m bench` writes bench/results.md."""
