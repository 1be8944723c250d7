"""What keeps a box from filling up, and what forgets a study: files removed by rules, studies deleted for good."""
