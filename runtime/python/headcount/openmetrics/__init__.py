"""OpenMetrics, where ``prometheus_client`` has it."""
