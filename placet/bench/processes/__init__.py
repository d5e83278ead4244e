"""The processes of one bench: what each runs, where they meet, how the driver hears of them."""
