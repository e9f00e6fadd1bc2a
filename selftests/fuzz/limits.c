// SPDX-License-Identifier: GPL-2.0
/* Model: what one process may have. */
#include "model.h"

bool m_full_sessions(const struct model *m, int owner)
{
	int nr = 0, i;

	for (i = 0; i < m->nr_sessions; i++)
		nr += m->sessions[i].open && m->sessions[i].owner == owner;
	return m->limits && nr >= LIMIT_SESSIONS;
}

/* A key counts until it is forgotten. */
bool m_full_exports(const struct model *m, int owner)
{
	int nr = 0, i;

	for (i = 0; i < m->nr_shares; i++)
		nr += m->shares[i].known &&
		      m->sessions[m->shares[i].session].owner == owner;
	return m->limits && nr >= LIMIT_EXPORTS;
}

/* What settles counts, too. */
bool m_full_imports(const struct model *m, int owner)
{
	int nr = 0, i, j;

	for (i = 0; i < m->nr_shares; i++)
		for (j = 0; j < m->nr_sessions; j++)
			if (m->sessions[j].owner == owner)
				nr += m->shares[i].imports[j].count;
	return m->limits && nr >= LIMIT_IMPORTS;
}

/* Too many, not too many with one more: a list is taken as a whole. */
bool m_full_allow(const struct model *m, const struct m_share *share)
{
	int nr = 0, i;

	for (i = 0; i < m->nr_owners; i++)
		nr += share->allow[i];
	return m->limits && nr > LIMIT_ALLOW;
}
