import headcount.bridge
