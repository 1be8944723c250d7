"""Health, readiness and metrics of a process, as routes; collectors read figures when they are asked."""
