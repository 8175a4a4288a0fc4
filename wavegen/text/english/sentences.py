"""Abbreviations in English sentences, and words that begin one."""

from __future__ import annotations

from wavegen.text.segmentation import Endings, word_set

ENDINGS = Endings(
    titles=word_set("""
        drs mr mrs ms dr prof rev fr hon messrs gen col capt cpt lt cmdr sgt maj adm sen rep gov
        pres st mt ft vs v cf viz approx e.g i.e rs apt ste eq eqs p.s
    """),
    before_number=word_set("""
        no nos nr p pp min max ext avg tab fig figs vol vols ch sec art ca b d c op
        jan feb mar apr jun jul aug sep sept oct nov dec
    """),
    abbreviations=word_set("""
        etc ph.d b.sc m.sc univ hosp jr sr inc ltd co corp bros dept est ave blvd rd al ed eds esq
        tel mon tue tues wed thu thur thurs fri jan feb mar apr jun jul aug sep sept oct nov dec
    """),
    units=word_set("in ft lb lbs oz min mins sec secs hr hrs mi yd gal"),
    starters=word_set("""
        the a an he she it we they i you this that these those but and so in on at if when then
        there however his her my our their what who why how
    """),
)
