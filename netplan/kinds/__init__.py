"""The kinds of kernel objects: each folder has the pure value and the driver that reads and writes it in the kernel."""
