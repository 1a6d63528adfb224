"""Where the numbers of docs/benchmarks.md come from: `python -m benchmarks.NAME [--scale 0.1]`, one command each."""
