"""From folders of audio to training windows: layouts → prepared cache → split → windows."""
