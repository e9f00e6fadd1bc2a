// SPDX-License-Identifier: LGPL-2.1-only
/* aclipc: aligned columns. */
#include <stdlib.h>
#include <string.h>

#include "tool.h"

void table_init(struct table *t, const char *const *titles, unsigned int nr)
{
	memset(t, 0, sizeof(*t));
	t->titles = titles;
	t->nr_columns = nr;
}

/* Takes text over; it must be safe to print. */
void table_cell(struct table *t, char *text)
{
	t->cells = text_grow(t->cells, t->nr_cells + 1, sizeof(*t->cells));
	t->cells[t->nr_cells++] = text;
}

static unsigned int table_width(const char *s)
{
	unsigned int width = 0;

	for (; *s; s++)
		width += (*s & 0xc0) != 0x80;
	return width;
}

static bool table_right(const struct table *t, unsigned int column)
{
	return t->titles[column][0] == '>';
}

static void table_put(const struct table *t, unsigned int column,
		      unsigned int width, const char *text)
{
	bool last = column + 1 == t->nr_columns;
	int pad = (int)(width - table_width(text));

	if (table_right(t, column))
		printf("%*s%s", pad, "", text);
	else
		printf("%s%*s", text, last ? 0 : pad, "");
	fputs(last ? "\n" : "  ", stdout);
}

void table_print(struct table *t)
{
	unsigned int *width = text_grow(NULL, t->nr_columns, sizeof(*width));
	unsigned int i, w;
	size_t cell;

	for (i = 0; i < t->nr_columns; i++) {
		width[i] = table_width(t->titles[i] + table_right(t, i));
		for (cell = i; cell < t->nr_cells; cell += t->nr_columns) {
			w = table_width(t->cells[cell]);
			if (w > width[i])
				width[i] = w;
		}
	}
	for (i = 0; i < t->nr_columns; i++)
		table_put(t, i, width[i], t->titles[i] + table_right(t, i));
	for (cell = 0; cell < t->nr_cells; cell += i) {
		for (i = 0; i < t->nr_columns; i++) {
			table_put(t, i, width[i], t->cells[cell + i]);
			free(t->cells[cell + i]);
		}
	}
	free(t->cells);
	free(width);
}
