"""One thread for numpy's linear algebra, as the scripts have it: the last digits of a sum are the same everywhere."""

import os

for _name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ[_name] = '1'
