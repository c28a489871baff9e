from export_case import model_folder, spot_images

__all__ = ["model_folder", "spot_images"]
