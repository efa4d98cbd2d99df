"""All families of faults; importing this registers them."""

from tests.chaos import data as data
from tests.chaos import database as database
from tests.chaos import disk as disk
from tests.chaos import load as load
from tests.chaos import network as network
from tests.chaos import processes as processes
from tests.chaos import ring as ring
from tests.chaos import schedule as schedule
from tests.chaos import servers as servers
from tests.chaos import site as site
