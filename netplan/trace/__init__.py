"""A packet's way through chains and routes: pure, over observed or compiled state."""
