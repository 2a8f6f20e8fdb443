"""The checks of a judgement, one function each: data in, a named result out."""
