"""Digital lumbar spines with known truth: anatomy in closed form; numpy and scipy only."""
