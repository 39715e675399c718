"""The face for machines: HTTP in, JSON out. Rules and rows live below; here bytes become values and errors become problems."""
