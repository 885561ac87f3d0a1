document.querySelectorAll('table.sortable th').forEach((th, column) => th.addEventListener('click', () => {
  const body = th.closest('table').tBodies[0];
  const descending = th.getAttribute('aria-sort') === 'ascending';
  th.parentNode.querySelectorAll('th').forEach(other => other.removeAttribute('aria-sort'));
  th.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
  const key = row => row.cells[column].dataset.value ?? row.cells[column].textContent;
  const order = (a, b) => {
    const [x, y] = [key(a), key(b)];
    if (x === '' || y === '') return (x === '') - (y === '');
    const numeric = !isNaN(x) && !isNaN(y);
    return (descending ? -1 : 1) * (numeric ? x - y : x.localeCompare(y));
  };
  [...body.rows].sort(order).forEach(row => body.append(row));
}));
