import pandas as pd
import pytest

from tests.accuracy import public
from tests.needs import corpus
from workbench.analysis.visits import calls
from workbench.twin.measured import callers


@pytest.fixture(scope="module")
def pages():
    return public.pages(pd.read_csv(corpus(*public.TRACES.parts)))


def test_a_page_has_the_requests_that_a_walk_over_the_file_counts(pages):
    """By `grep -c` of traces with those calls: 232 for a product, 100 for the cart."""
    assert {page: len(callers(capture)) for page, capture in pages.items()} == {"product": 232, "cart": 100}


def test_the_frontend_calls_what_the_operations_are_named_for(pages):
    assert set(calls(pages["product"])["frontend"]) == {
        "adservice", "cartservice", "currencyservice", "productcatalogservice", "recommendationservice",
    }  # fmt: skip
    assert calls(pages["cart"])["recommendationservice"] == ["productcatalogservice"]


def test_the_product_page_makes_its_seven_product_calls_one_after_the_other(pages):
    frontend = public.network_of(pages["product"])["frontend"]
    made = [call.to for call in frontend.calls]
    assert made.count("productcatalogservice") == 6  # and one more by the recommendations
    assert made.count("currencyservice") == 2
    assert made[-1] == "adservice"
    assert all(call.share == 1 for call in frontend.calls)
