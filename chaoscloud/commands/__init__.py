"""What the commands do, one file a matter. How they are called stands in `chaoscloud.cli`."""
