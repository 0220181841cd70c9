"""What things cost, each beside a baseline of the same run: `make bench`. Ratios travel between machines, seconds do not."""
