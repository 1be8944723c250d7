"""What answers HTTP: health and metrics for monitors, and the desk for people; asks, shows, decides nothing.

``http/`` is the server and its routes, ``monitoring/`` what monitors ask for. A process starts one server with the
routes it has: health and metrics in every process, pages where there are any.
"""
