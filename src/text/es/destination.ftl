# Dónde se guardan las imágenes: volúmenes en los que se puede escribir.
