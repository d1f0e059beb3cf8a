"""What a plan does to packets: which are looked at, and what becomes of each before and after."""
