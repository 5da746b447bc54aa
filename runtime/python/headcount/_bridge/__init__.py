"""What stands behind ``prometheus_client``: see ``headcount.bridge``."""
