"""Networks, their losses and the loop; from nothing, from a checkpoint, or from a bundle; and their export."""
