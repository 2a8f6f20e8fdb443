"""The measure itself: a page with a fault is found, one without is not."""

from .accessible import serious_issues

GOOD = '<!doctype html><html lang="vi"><title>a</title><main><h1>a</h1><label>b <input></label></main>'


def test_axe_finds_a_field_without_a_name(browser):
    page = browser.new_page()
    page.set_content(GOOD)
    assert serious_issues(page) == []
    page.set_content(GOOD.replace("label", "div"))
    assert [issue.partition(":")[0] for issue in serious_issues(page)] == ["label"]
    page.close()
