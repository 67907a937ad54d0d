import fc from 'fast-check'
import t from 'tap'
import { escapeXml, place, shortened, textElement } from '../../src/plot/svg.js'
import { holds } from '../property.js'

t.test('any text gives well-formed XML', async (t) => {
  t.equal(textElement(1.04, 2, '<script>"a" & \'b\'\0\u0001</script>'), '<text x="1" y="2">&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;\ufffd\ufffd&lt;/script&gt;</text>')
  t.equal(escapeXml('\ud800é🙂\uffff'), '\ufffdé🙂\ufffd')
  // eslint-disable-next-line no-control-regex -- what XML 1.0 has not
  holds(t, fc.property(fc.string({ unit: 'binary' }), (any) => !/[<>"']|&(?!(amp|lt|gt|quot|#39);)|[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/.test(escapeXml(any))))
})

t.test('a long text is cut between characters', async (t) => {
  t.equal(shortened('🙂🙂🙂', 3), '🙂🙂🙂')
  t.equal(shortened('🙂🙂🙂🙂', 3), '🙂🙂…')
  t.equal(place(1.26), 1.3)
})
