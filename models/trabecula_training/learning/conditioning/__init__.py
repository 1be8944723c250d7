"""What happens to features before anything is selected: missing values filled, the scanner taken out (ComBat).

Both are fitted on training patients alone, in every fold anew, and neither ever sees a label.
"""
