{# The later and the earlier of moments, none of which may be null: with a null, warehouses disagree. #}

{% macro later_of(moments) -%}
    greatest({{ moments | join(', ') }})
{%- endmacro %}

{% macro earlier_of(moments) -%}
    least({{ moments | join(', ') }})
{%- endmacro %}
