"""What a page remembers of a visitor's input: candidates, the visitor's own, and the last that could be read."""

from streamlit.testing.v1 import AppTest

from tests.viz.pages.apps import SECONDS, errors, run


def numbers() -> None:
    """A page whose input is a number, which its model reads if it is even; Streamlit runs this source by itself."""
    from typing import NamedTuple

    import streamlit as st

    from headlens.model.errors import InputError
    from headlens.viz.inputs.session import InputSession, fill_fields

    class NumberRequest(NamedTuple):  # equal to one of the run before, whose class is another
        model: str
        number: int

        def read(self) -> int:
            st.session_state.reads = st.session_state.get("reads", 0) + 1
            if self.number % 2:
                raise InputError(f"*{self.number}* is odd.")
            return self.number

    session = InputSession("numbers")  # type: ignore[var-annotated]
    number = session.take_candidate()
    if number is not None and session.readable(NumberRequest("even", number)):
        session.own = number
    last = session.last
    st.text(f"candidate {number}, own {session.own}, last {None if last is None else last.number}")
    fill_fields("numbers", {"field": str(session.own)})
    st.text_input("Number", key="field")


def offer(app: AppTest, number: int) -> str:
    """What the page says when a control has brought this number."""
    app.session_state["numbers_candidate"] = number
    return run(app).text[0].value


def test_a_candidate_that_can_be_read_is_the_visitor_s_own_and_taken_once() -> None:
    app = run(AppTest.from_function(numbers, default_timeout=SECONDS))
    assert app.text[0].value == "candidate None, own None, last None"
    assert offer(app, 2) == "candidate 2, own 2, last 2"
    assert run(app).text[0].value == "candidate None, own 2, last 2"
    assert errors(app) == []


def test_a_candidate_that_cannot_be_read_is_refused_and_the_one_before_stays() -> None:
    app = run(AppTest.from_function(numbers, default_timeout=SECONDS))
    offer(app, 2)
    assert offer(app, 3) == "candidate 3, own 2, last 2"
    assert errors(app) == ["*3* is odd."]
    assert "*3*" not in app.error[0].value  # it is no Markdown
    assert errors(run(app)) == []


def test_what_was_read_last_is_not_read_again() -> None:
    app = run(AppTest.from_function(numbers, default_timeout=SECONDS))
    for number, reads in ((2, 1), (2, 1), (4, 2), (3, 3), (4, 3)):
        offer(app, number)
        assert app.session_state.reads == reads


def test_a_field_follows_the_input_and_keeps_what_is_typed() -> None:
    app = run(AppTest.from_function(numbers, default_timeout=SECONDS))
    offer(app, 2)
    assert app.text_input(key="field").value == "2"
    app.text_input(key="field").set_value("3")
    assert run(app).text_input(key="field").value == "3"
    offer(app, 5)  # refused: the input is as before
    assert app.text_input(key="field").value == "3"
    offer(app, 4)
    assert app.text_input(key="field").value == "4"
