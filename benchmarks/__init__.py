"""The measurements behind docs/benchmarks.md: `python -m benchmarks.NAME [--scale 0.1]`, one command each."""
